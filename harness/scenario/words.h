/** @file words.h Command lines and paths of a scenario: words, quotes and ${variables}. */
#ifndef VP_SCENARIO_WORDS_H
#define VP_SCENARIO_WORDS_H

#include "vparticle/error.h"

/** What ${name} stands for. */
struct vp_variable {
    const char *name;
    const char *value;
};

/**
 * Replace each ${name}. Nothing else is special.
 * @param variables  ends with a NULL name
 * @param[out] text  owned by the caller: free()
 * @return 0, VP_ERROR_NO_MEMORY, or VP_ERROR_INVALID with @p failure naming the nearest variable
 */
int vp_expand(const char *from, const struct vp_variable *variables, char **text,
              struct vp_failure *failure);

/**
 * Split a command line into words as a shell does: blanks separate, '...' and "..." and \ quote,
 * ${name} is replaced outside of '...' and never split. There are no pipes, no globs and no
 * other variables; `sh -c '...'` has them.
 * @param[out] words  NULL-terminated, owned by the caller: vp_free_words()
 * @return 0, VP_ERROR_NO_MEMORY, or VP_ERROR_INVALID (unknown variable, open quote, no word)
 */
int vp_split(const char *line, const struct vp_variable *variables, char ***words,
             struct vp_failure *failure);

/** NULL is allowed. */
void vp_free_words(char **words);

#endif
