# row: 15
# attack: leaves with status 0 while being imported
# loses: all
# status: crashed
import os

os._exit(0)
