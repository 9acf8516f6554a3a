"""Recipe, minibatch order, engines and trajectories."""
