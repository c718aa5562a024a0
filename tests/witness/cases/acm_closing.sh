# device: acm
heading "$PROBES/acm_probe" control closing
heading tell log
