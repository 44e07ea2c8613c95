/** Where nodes are: in the graph itself, or in subgraphs that may be used several times. */

/**
 * Every place at which a node is run.
 *
 * @param {object} root graph that is queued
 * @param {object} node node of this graph or of a subgraph in it
 * @returns {{id: string, hosts: object[]}[]} the execution id ("3", or "12:3" in a subgraph) and the
 *   subgraph nodes on the way; empty when the node is in none of them
 */
export function placesOf(root, node) {
  if (!root || !node) return [];
  if (node.graph === root) return [{ id: String(node.id), hosts: [] }];
  const found = [];
  const look = (graph, before, hosts) => {
    for (const each of graph?.nodes ?? []) {
      const id = before + each.id;
      if (each === node) found.push({ id, hosts });
      else if (each.isSubgraphNode?.() && !hosts.includes(each)) {
        look(each.subgraph, `${id}:`, [...hosts, each]);
      }
    }
  };
  look(root, "", []);
  return found;
}

/**
 * The nodes before others, and these themselves.
 *
 * @param {object} prompt nodes by execution id, as they are queued
 * @param {Iterable<string>} ids where to begin
 * @returns {Set<string>} execution ids
 */
export function withSources(prompt, ids) {
  const found = new Set();
  const open = [...ids];
  while (open.length) {
    const id = open.pop();
    if (found.has(id) || !prompt[id]) continue;
    found.add(id);
    for (const value of Object.values(prompt[id].inputs ?? {})) {
      if (Array.isArray(value) && value.length === 2) open.push(String(value[0]));
    }
  }
  return found;
}
