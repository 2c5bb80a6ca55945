"""The parts of the example registries: what OCI asks, the tree, and a file for each of OCI's workflows."""
