"""What a face showed over a long recording, with what that is worth, as one file that opens anywhere."""
