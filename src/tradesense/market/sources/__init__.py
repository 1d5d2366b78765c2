"""Where prices come from: files that are played, and a simulated market."""
