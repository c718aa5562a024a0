# device: acm
# 1 MiB in both directions at the same time, and what waits where.
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw pass=1048576 drain queues break close
tell received | sha256sum
tell 'echo off' >/dev/null
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw send=hello drain queues close
heading tell received
echo
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw run='"$PROBES/acm_probe" control tell "nak on"' \
    send=more queues ready flush queues fill run='"$PROBES/acm_probe" control tell "nak off"' drain close
heading asked

# Closing while the device does not take what was written: it takes it some seconds later.
tell "nak on" >/dev/null
later() { sleep 3; tell "nak off" >/dev/null; }
later &
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw send=goodbye close
wait
heading "$PROBES/tty_probe" /dev/ttyACM0 open close
heading asked
