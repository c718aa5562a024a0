#include "scenario/text_check.h"

#include <regex.h>
#include <string.h>

static int judge_contains(struct vp_engine *engine, const struct vp_step *step,
                          const struct vp_text_check *check, const struct vp_checked_text *checked)
{
    for (unsigned i = 0; i < check->contains_count; i++) {
        if (!strstr(checked->text, check->contains[i])) {
            return vp_engine_fail(engine, step,
                                  vp_text("\"%s\" in %s", check->contains[i], checked->name),
                                  vp_text("it is not there"));
        }
    }
    return 0;
}

static int judge_lacks(struct vp_engine *engine, const struct vp_step *step,
                       const struct vp_text_check *check, const struct vp_checked_text *checked)
{
    for (unsigned i = 0; i < check->lacks_count; i++) {
        if (strstr(checked->text, check->lacks[i])) {
            return vp_engine_fail(engine, step,
                                  vp_text("no \"%s\" in %s", check->lacks[i], checked->name),
                                  vp_text("it is there"));
        }
    }
    if (check->lacks_count && checked->cut) {
        return vp_engine_fail(
            engine, step, vp_text("%s of at most %d bytes to search", checked->name, VP_TEXT_LIMIT),
            vp_text("there was more, which is not kept"));
    }
    return 0;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t compiled;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE)) {
        return false;
    }
    const bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

static int judge_matches(struct vp_engine *engine, const struct vp_step *step,
                         const struct vp_text_check *check, const struct vp_checked_text *checked)
{
    for (unsigned i = 0; i < check->matches_count; i++) {
        if (!matches(check->matches[i], checked->text)) {
            return vp_engine_fail(
                engine, step,
                vp_text("a line of %s that matches \"%s\"", checked->name, check->matches[i]),
                vp_text("no line does"));
        }
    }
    return 0;
}

static int judge_order(struct vp_engine *engine, const struct vp_step *step,
                       const struct vp_text_check *check, const struct vp_checked_text *checked)
{
    const char *from = checked->text;
    for (unsigned i = 0; i < check->order_count; i++) {
        const char *found = strstr(from, check->order[i]);
        if (!found) {
            const bool before = strstr(checked->text, check->order[i]) != NULL;
            return vp_engine_fail(
                engine, step,
                i == 0 ? vp_text("\"%s\" in %s", check->order[0], checked->name)
                       : vp_text("\"%s\" in %s behind \"%s\"", check->order[i], checked->name,
                                 check->order[i - 1]),
                vp_text(before ? "it is there before that only" : "it is not there"));
        }
        from = found + strlen(check->order[i]);
    }
    return 0;
}

int vp_engine_judge_text(struct vp_engine *engine, const struct vp_step *step,
                         const struct vp_text_check *check, const struct vp_checked_text *checked)
{
    int error = 0;
    if (check) {
        error = judge_contains(engine, step, check, checked);
    }
    if (check && !error) {
        error = judge_lacks(engine, step, check, checked);
    }
    if (check && !error) {
        error = judge_matches(engine, step, check, checked);
    }
    return check && !error ? judge_order(engine, step, check, checked) : error;
}
