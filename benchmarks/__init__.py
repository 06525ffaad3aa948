"""Every figure that the README quotes, measured beside its peer in one run."""
