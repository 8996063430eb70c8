"""Box in the Jupyter server: the REST face, the only asynchronous part; what it does in Box is `drive`'s work."""
