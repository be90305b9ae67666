"""Account-driven enrollment: people sign in on their own device, which finds us by their domain."""
