# device: acm
heading "$PROBES/acm_probe" control flow
heading tell log
