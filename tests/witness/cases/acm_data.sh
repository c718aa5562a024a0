# device: acm
heading "$PROBES/acm_probe" control data
heading tell log
