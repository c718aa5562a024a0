# device: acm
heading "$PROBES/acm_probe" control cooked
heading tell log
