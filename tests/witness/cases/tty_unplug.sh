# device: photon@0.5.2
# The cable is pulled while the port is open, and is put back.
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw \
    run='"$VPARTICLE" ctl unplug' hangup close
until_gone /dev/ttyACM0
heading "$PROBES/tty_probe" /dev/ttyACM0 open
heading ls /dev/ttyACM0 /dev/serial
hand plug
until_there /dev/ttyACM0
heading "$PROBES/tty_probe" /dev/ttyACM0 open settings close
