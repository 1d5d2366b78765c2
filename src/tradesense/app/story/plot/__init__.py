"""The plot: prices in, the three scripts out. Pure."""
