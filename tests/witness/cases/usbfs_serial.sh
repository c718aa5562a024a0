# device: photon@0.5.2
heading "$PROBES/usbfs_probe" serial
