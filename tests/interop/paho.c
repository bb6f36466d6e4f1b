/* libpaho-mqtt against a site or the lab. paho URL BASE STATE PUBLISHER SUBSCRIBER [CA PUB.PEM PUB.KEY SUB.PEM SUB.KEY].
 * Lines "ok ..." and "not ok ..." out. Built by clients_test.py with Debian's libpaho-mqtt-dev. */
#include <MQTTClient.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_MS = 20000, NAME_MAX_BYTES = 256, EAR_MAX = 6000, TEXT_MAX = 16 };

struct who {
    const char *id, *cert, *key;
};

static const char *url, *base, *state, *ca;
static struct who publisher, subscriber;
static int failed, burst = 2000;

static void check(const char *claim, int a, int b, bool good)
{
    if (!good) failed = 1;
    printf("%s ", good ? "ok" : "not ok");
    printf(claim, a, b);
    printf("\n");
    fflush(stdout);
}

/* What came, in order; the library's thread fills it. */
static struct ear {
    pthread_mutex_t lock;
    pthread_cond_t more;
    int n, taken;
    char text[EAR_MAX][TEXT_MAX];
    bool retained[EAR_MAX];
} ear = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static int arrived(void *at, char *topic, int topic_n, MQTTClient_message *m)
{
    struct ear *e = at;
    (void)topic_n;
    pthread_mutex_lock(&e->lock);
    if (e->n < EAR_MAX) {
        snprintf(e->text[e->n], TEXT_MAX, "%.*s", m->payloadlen, (const char *)m->payload);
        e->retained[e->n++] = m->retained;
    }
    pthread_cond_signal(&e->more);
    pthread_mutex_unlock(&e->lock);
    MQTTClient_freeMessage(&m);
    MQTTClient_free(topic);
    return 1;
}

static void lost(void *at, char *cause)
{
    (void)at, (void)cause;
}

static void forget(struct ear *e)
{
    pthread_mutex_lock(&e->lock);
    e->n = e->taken = 0;
    pthread_mutex_unlock(&e->lock);
}

static MQTTClient open_as(const struct who *who, const char *suffix, int version, const char *will_topic)
{
    MQTTClient c = NULL;
    MQTTClient_createOptions how = MQTTClient_createOptions_initializer;
    MQTTClient_connectOptions o = MQTTClient_connectOptions_initializer;
    MQTTClient_connectOptions o5 = MQTTClient_connectOptions_initializer5;
    MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
    MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
    char id[NAME_MAX_BYTES];
    snprintf(id, sizeof id, "%s/%s", who->id, suffix);
    how.MQTTVersion = version;
    if (MQTTClient_createWithOptions(&c, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &how) != MQTTCLIENT_SUCCESS) return NULL;
    if (version == MQTTVERSION_5) o = o5;
    if (MQTTClient_setCallbacks(c, &ear, lost, arrived, NULL) != MQTTCLIENT_SUCCESS) return NULL;
    o.maxInflightMessages = burst;
    o.keepAliveInterval = 30;
    o.MQTTVersion = version;
    o.connectTimeout = 10;
    if (version == MQTTVERSION_5) o.cleanstart = 1;
    else o.cleansession = 1;
    tls.trustStore = ca;
    tls.keyStore = who->cert;
    tls.privateKey = who->key;
    if (ca) o.ssl = &tls;
    will.topicName = will_topic;
    will.message = "gone";
    will.qos = 1;
    if (will_topic) o.will = &will;
    int rc;
    if (version == MQTTVERSION_5) {
        MQTTResponse r = MQTTClient_connect5(c, &o, NULL, NULL);
        rc = r.reasonCode;
        MQTTResponse_free(r);
    } else {
        rc = MQTTClient_connect(c, &o);
    }
    if (rc == MQTTCLIENT_SUCCESS) return c;
    printf("# connect %s: %d\n", id, rc);
    MQTTClient_destroy(&c);
    return NULL;
}

static void shut(MQTTClient *c)
{
    if (!*c) return;
    MQTTClient_disconnect(*c, 1000);
    MQTTClient_destroy(c);
}

static bool subscribe(MQTTClient c, int version, const char *topic, int qos)
{
    if (version != MQTTVERSION_5) return MQTTClient_subscribe(c, topic, qos) == MQTTCLIENT_SUCCESS;
    MQTTResponse r = MQTTClient_subscribe5(c, topic, qos, NULL, NULL);
    bool good = r.reasonCode == (enum MQTTReasonCodes)qos;
    MQTTResponse_free(r);
    return good;
}

static bool publish(MQTTClient c, int version, const char *topic, const char *text, int qos, int retained, int *token)
{
    MQTTClient_deliveryToken t = 0;
    if (version != MQTTVERSION_5) {
        if (MQTTClient_publish(c, topic, (int)strlen(text), text, qos, retained, &t) != MQTTCLIENT_SUCCESS) return false;
    } else {
        MQTTResponse r = MQTTClient_publish5(c, topic, (int)strlen(text), text, qos, retained, NULL, &t);
        bool good = r.reasonCode == MQTTREASONCODE_SUCCESS;
        MQTTResponse_free(r);
        if (!good) return false;
    }
    if (token) *token = t;
    return true;
}

/* The next message is this text. */
static bool heard(struct ear *e, const char *text, bool *ret_retained)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&e->lock);
    int late = 0;
    while (e->taken == e->n && !late) late = pthread_cond_timedwait(&e->more, &e->lock, &until) == ETIMEDOUT;
    bool good = e->taken < e->n && strcmp(e->text[e->taken], text) == 0;
    if (!good) printf("# wanted %s, got %s (%d came)\n", text, e->taken < e->n ? e->text[e->taken] : "nothing", e->n);
    if (good && ret_retained) *ret_retained = e->retained[e->taken];
    if (e->taken < e->n) e->taken++;
    pthread_mutex_unlock(&e->lock);
    return good;
}

static void flow(int version, int qos, int count)
{
    char topic[NAME_MAX_BYTES], text[32];
    int token = 0, last = 0;
    snprintf(topic, sizeof topic, "%s/paho/%d/%d/%d", base, version, qos, count);
    MQTTClient sub = open_as(&subscriber, "s", version, NULL), pub = open_as(&publisher, "p", version, NULL);
    bool good = sub && pub && subscribe(sub, version, topic, qos);
    for (int i = 0; good && i < count; i++) {
        snprintf(text, sizeof text, "m%d", i);
        good = publish(pub, version, topic, text, qos, 0, &token);
        if (qos) last = token;
    }
    if (good && qos) good = MQTTClient_waitForCompletion(pub, last, PATIENCE_MS) == MQTTCLIENT_SUCCESS;
    for (int i = 0; good && i < count; i++) {
        snprintf(text, sizeof text, "m%d", i);
        good = heard(&ear, text, NULL);
    }
    check(count == burst ? "version %d: a burst at QoS %d, none lost, in order"
            : count > 100 ? "version %d: messages at QoS %d past the receive maximum, in order"
                          : "version %d QoS %d: messages, in order", version, qos, good);
    shut(&pub);
    shut(&sub);
    forget(&ear);
}

static void retained(int version)
{
    char topic[NAME_MAX_BYTES];
    int token;
    bool flag = false;
    snprintf(topic, sizeof topic, "%s/paho%d", state, version);
    MQTTClient pub = open_as(&publisher, "p", version, NULL), sub = open_as(&subscriber, "s", version, NULL);
    bool good = pub && sub && publish(pub, version, topic, "kept", 1, 1, &token)
        && MQTTClient_waitForCompletion(pub, token, PATIENCE_MS) == MQTTCLIENT_SUCCESS && subscribe(sub, version, topic, 1)
        && heard(&ear, "kept", &flag) && flag;
    check("version %d: a retained message waits for who comes later", version, 0, good);
    shut(&pub);
    shut(&sub);
    forget(&ear);
}

/* Cut off by a second link under the same id. */
static void will(int version)
{
    char topic[NAME_MAX_BYTES];
    snprintf(topic, sizeof topic, "%s/pahowill%d", state, version);
    MQTTClient sub = open_as(&subscriber, "s", version, NULL);
    bool good = sub && subscribe(sub, version, topic, 1);
    MQTTClient doomed = good ? open_as(&publisher, "w", version, topic) : NULL;
    MQTTClient taker = doomed ? open_as(&publisher, "w", version, NULL) : NULL; /* takes the link over: the will goes out */
    good = good && doomed && taker && heard(&ear, "gone", NULL);
    check("version %d: the will of who was cut off", version, 0, good);
    shut(&taker);
    if (doomed) MQTTClient_destroy(&doomed);
    shut(&sub);
    forget(&ear);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 11) return 2;
    url = argv[1], base = argv[2], state = argv[3];
    publisher.id = argv[4], subscriber.id = argv[5];
    if (argc == 11) {
        ca = argv[6];
        publisher.cert = argv[7], publisher.key = argv[8];
        subscriber.cert = argv[9], subscriber.key = argv[10];
    }
    if (getenv("RELEASE")) burst = 5000;
    for (int version = MQTTVERSION_3_1_1; version <= MQTTVERSION_5; version++) {
        for (int qos = 0; qos <= 2; qos++) flow(version, qos, 20);
        retained(version);
        will(version);
    }
    flow(MQTTVERSION_5, 1, burst / 10); /* the library waits 100 ms whenever the receive maximum is reached */
    flow(MQTTVERSION_3_1_1, 1, burst);
    flow(MQTTVERSION_3_1_1, 2, burst);
    return failed;
}
