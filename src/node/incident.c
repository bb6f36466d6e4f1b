#include "node/incident.h"

#include <stdio.h>

#include "node/alerts.h"
#include "node/core.h"

static void tell(struct core *c, const struct incident *i, struct incident_duty *duty)
{
    char name[64], ja[256], en[256], due[TIME_TEXT];
    time_text(duty->due_ms, due);
    snprintf(name, sizeof name, "%s.%s", i->id, duty->id);
    snprintf(ja, sizeof ja, "事案 %s の報告「%s」が期限（%s）を過ぎました", i->id, duty->id, due);
    snprintf(en, sizeof en, "incident %s: the report \"%s\" was due %s and is not sent", i->id, duty->id, due);
    alerts_note(c, &(struct alert_said) { .what = "report-due", .device = "", .group = "", .name = name, .text_ja = ja, .text_en = en });
    duty->told = true;
}

void incident_turn(struct core *c, int64_t wall_ms)
{
    for (size_t n = 0; n < c->incidents.n; n++) {
        struct incident *i = &c->incidents.at[n];
        if (i->closed_ms) continue;
        for (size_t k = 0; k < i->n_duties; k++)
            if (!i->duties[k].told && incident_missed(&i->duties[k], wall_ms)) tell(c, i, &i->duties[k]);
    }
}
