# device: acm
heading "$PROBES/acm_probe" control settings
heading tell log
