// The MediaIO module.
