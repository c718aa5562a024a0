# device: photon@erased,mode=dfu
heading "$PROBES/usbfs_probe"
