"""A city on one's own desk: the mini-app in a phone frame, with a fake platform beside it (`banyan-app run`)."""
