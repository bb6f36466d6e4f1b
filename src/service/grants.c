/* Who may, as it is in force: read only. Changes come as signed documents (changes.c). */
#include "service/internal.h"

outcome get_grants(struct service *s, struct request *q)
{
    return answer_doc(q, grants_doc(s->port.access->grants, s->port.site, &q->arena));
}
