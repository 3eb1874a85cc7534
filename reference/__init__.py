"""The reference framework. Today it ships the data sets that the first stages use."""
