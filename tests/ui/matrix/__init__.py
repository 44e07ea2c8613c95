"""What runs inside the environments of the matrix: any gradio, no pytest."""
