# device: photon@0.5.2,mode=dfu
heading lsusb
heading lsusb -t
heading lsusb -v -d 2b04:
heading lsusb -v -s 1:1
