# device: acm
# Closing while the device does not take what was written: it takes it half a second later.
tell "nak on" >/dev/null
later() { sleep 1; tell "nak off" >/dev/null; }
later &
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw send=goodbye close
wait
heading "$PROBES/tty_probe" /dev/ttyACM0 open close
heading tell log
