"""C2C: links to other chips, and the clockwork that chips share. docs/design/links.md says why."""
