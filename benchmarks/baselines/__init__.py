"""What ours is measured beside: bare replies, careful hand-written routes, and the way people first write it."""
