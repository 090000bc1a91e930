"""What the city says to a resident: messages in the inbox, live to open pages, and text messages by a carrier."""
