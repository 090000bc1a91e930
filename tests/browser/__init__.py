"""What people see, in Chromium. A package, so that the browser and its event loop end with the last test in here."""
