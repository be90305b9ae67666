"""Software updates: Apple's feed, what is enforced, what each device is told, how far it is."""
