# device: photon@0.5.2,mode=dfu
# The device leaves DFU mode, is seen to go and to come back.
heading "$PROBES/libusb_probe" list | grep -v 1d6b
heading "$PROBES/libusb_probe" hotplug | sort -u
