"""One whole job, from files to a file: what the command line, nodes and tabs all call."""
