"""A package, so that its fixtures can live as long as it: one JupyterLab and one browser for all modules."""
