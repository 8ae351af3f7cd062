"""The service: the contract of the retired Emotion API, an interface of our own, and a page for people."""
