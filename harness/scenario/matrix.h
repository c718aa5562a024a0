/**
 * @file matrix.h
 * One file, several scenarios: `matrix` lists variables and their values, and each combination is a
 * scenario of its own.
 */
#ifndef VP_SCENARIO_MATRIX_H
#define VP_SCENARIO_MATRIX_H

#include "scenario/load_private.h"

/**
 * Put the values of a combination in the place of their ${variables}, wherever they are written.
 * @param loader       its document is read and still without values
 * @param combination  from 0: the first value of each variable; the last variable changes first
 * @param[out] bytes   the file with the values, owned by the caller: free(). NULL without a matrix
 * @param[out] size    of those
 * @param[out] choice  "particle=particle-2.16.0", owned by the caller: free(). NULL likewise
 * @param[out] count   how many combinations there are; 1 without a matrix
 * @return 0, VP_ERROR_INVALID, VP_ERROR_NO_MEMORY
 */
int vp_matrix_expand(struct vp_loader *loader, unsigned combination, uint8_t **bytes, size_t *size,
                     char **choice, unsigned *count);

#endif
