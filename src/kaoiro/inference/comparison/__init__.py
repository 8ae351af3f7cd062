"""Did what faces showed change after an event, and is the change more than noise? One file that opens anywhere."""
