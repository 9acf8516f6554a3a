"""Many runs from one study file, here or on a cluster."""
