"""A scorer's results in a folder that somebody else can check and put on published boards."""
