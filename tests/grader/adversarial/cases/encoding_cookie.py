# row: 87
# attack: declares an encoding that does not exist
# loses: all
# status: any
# -*- coding: no-such-encoding -*-
