"""Records of results, and writing them without ever leaving half a file."""
