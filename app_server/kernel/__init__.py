"""What every module stands on: settings, access, problems, units of work, events, jobs, keys, Redis."""
