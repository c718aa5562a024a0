# device: acm
heading "$PROBES/acm_probe" control slow
heading tell log
