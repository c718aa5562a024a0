# device: photon@0.5.2
heading lsusb -t
heading lsusb -v -d 2b04:
