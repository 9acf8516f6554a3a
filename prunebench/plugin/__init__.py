"""What is plugged in, whatever it is: how it is found, loaded, named, checked and kept apart."""
