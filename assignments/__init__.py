"""The course: one folder a stage (content), and `catalog`, the only reader of its manifests."""
