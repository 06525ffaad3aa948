package main

import (
	crypto "crypto/rand"
	"encoding/json"
	"log"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	bodyBytesMax = 8 * 1024
	idAlphabet   = "0123456789abcdefghijklmnopqrstuvwxyz"
)

var (
	idPattern   = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,64}$`)
	deviceKinds = map[string]bool{"web": true, "mobile": true, "tablet": true, "tv": true, "console": true}
)

// CalendarEvent is the one match of the benchmark's calendar; times are epoch seconds.
type CalendarEvent struct {
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Channel string  `json:"channel"`
	Starts  float64 `json:"starts"`
	Ends    float64 `json:"ends"`
}

// API answers a viewer's calls.
type API struct {
	config    Config
	access    *Codec[AccessClaims]
	playback  *Codec[PlaybackClaims]
	sessions  Leases
	events    *EventLog
	playlists *Playlists
}

// NewAPI makes the parts; it fails on keys that cannot be read or a log that cannot be opened.
func NewAPI(config Config, sessions Leases) (*API, error) {
	access, err := NewCodec[AccessClaims](config.AccessKeys, "access")
	if err != nil {
		return nil, err
	}
	playback, err := NewCodec[PlaybackClaims](config.PlaybackKeys, "playback")
	if err != nil {
		return nil, err
	}
	events, err := OpenEventLog(config.EventLog)
	if err != nil {
		return nil, err
	}
	playlists, err := NewPlaylists(config)
	return &API{config, access, playback, sessions, events, playlists}, err
}

// Routes is the table of what is answered.
func (a *API) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.alive)
	mux.HandleFunc("POST /v1/dev/login", a.login)
	mux.HandleFunc("GET /v1/events", a.calendar)
	mux.HandleFunc("POST /v1/sessions", a.start)
	mux.HandleFunc("POST /v1/sessions/{session}/heartbeat", a.heartbeat)
	mux.HandleFunc("DELETE /v1/sessions/{session}", a.end)
	mux.HandleFunc("GET /v1/playback/{token}/master.m3u8", a.playlist)
	return mux
}

func (a *API) alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

type loginBody struct {
	Account string `json:"account"`
}

type loginAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresInS  int64  `json:"expires_in_s"`
}

func (a *API) login(w http.ResponseWriter, r *http.Request) {
	var body loginBody
	if !read(w, r, &body) {
		return
	}
	if !idPattern.MatchString(body.Account) {
		refuse(w, http.StatusUnprocessableEntity, "invalid", "account is no identifier")
		return
	}
	now, ttl := time.Now().Unix(), a.config.AccessTokenTTLS
	token, err := a.access.Sign(AccessClaims{Validity{"access", now, now + ttl}, body.Account})
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, loginAnswer{token, ttl})
}

type eventAnswer struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	StartsAt string `json:"starts_at"`
	EndsAt   string `json:"ends_at"`
	State    string `json:"state"`
}

func (a *API) calendar(w http.ResponseWriter, _ *http.Request) {
	event := a.config.Event
	shown := eventAnswer{
		event.ID, event.Title, rfc3339(time.Unix(int64(event.Starts), 0)), rfc3339(time.Unix(int64(event.Ends), 0)),
		event.state(epoch(time.Now())),
	}
	w.Header().Set("Cache-Control", "public, max-age=5, stale-if-error=3600")
	answer(w, http.StatusOK, map[string][]eventAnswer{"events": {shown}})
}

func (e CalendarEvent) state(now float64) string {
	switch {
	case now < e.Starts:
		return "upcoming"
	case now < e.Ends:
		return "live"
	}
	return "over"
}

type device struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

type startBody struct {
	Event    string  `json:"event"`
	Device   device  `json:"device"`
	Takeover *string `json:"takeover"`
	End      *string `json:"end"`
}

func (b startBody) valid() bool {
	return idPattern.MatchString(b.Event) && idPattern.MatchString(b.Device.ID) && deviceKinds[b.Device.Kind]
}

type startAnswer struct {
	Session    string            `json:"session"`
	Token      string            `json:"token"`
	HeartbeatS int64             `json:"heartbeat_s"`
	ExpiresAt  string            `json:"expires_at"`
	Playback   playbackAddresses `json:"playback"`
	Streams    streams           `json:"streams"`
}

type playbackAddresses struct {
	HLS  string `json:"hls"`
	DASH string `json:"dash"`
}

type streams struct {
	Limit int `json:"limit"`
	Used  int `json:"used"`
}

func (a *API) start(w http.ResponseWriter, r *http.Request) {
	var body startBody
	if !read(w, r, &body) {
		return
	}
	now := time.Now()
	access, err := a.access.Verify(bearer(r), now)
	switch {
	case err != nil:
		refuse(w, http.StatusUnauthorized, "bad-token", err.Error())
	case !body.valid():
		refuse(w, http.StatusUnprocessableEntity, "invalid", "a field is no identifier")
	case body.Event != a.config.Event.ID:
		refuse(w, http.StatusNotFound, "not-found", "The calendar has no such event.")
	case a.config.Event.state(epoch(now)) == "over":
		refuse(w, http.StatusGone, "event-over", "The event is over.")
	default:
		a.admit(w, r, access.Sub, body, now)
	}
}

func (a *API) admit(w http.ResponseWriter, r *http.Request, account string, body startBody, now time.Time) {
	lease, used, admitted, err := a.sessions.Start(r.Context(), Lease{
		Session: newID("ses"), Account: account, Event: body.Event,
		Device: body.Device.ID, Kind: body.Device.Kind,
		Since: now, Until: now.Add(time.Duration(a.config.LeaseS) * time.Second),
	}, a.config.StreamLimit, now)
	if err != nil {
		fail(w, err)
		return
	}
	if !admitted {
		refuse(w, http.StatusConflict, "stream-limit", "The account watches on as many devices as it may.")
		return
	}
	token, err := a.playbackToken(lease, a.config.StreamLimit, now)
	if err != nil {
		fail(w, err)
		return
	}
	a.events.Tell(SessionEvent{
		ID: newID("evt"), Type: "session.started", At: epoch(now), Session: lease.Session,
		Event: lease.Event, Account: account, Device: lease.Device, Kind: lease.Kind,
	})
	w.Header().Set("Cache-Control", "no-store")
	base := a.config.PublicURL + "/v1/playback/" + token
	answer(w, http.StatusCreated, startAnswer{
		lease.Session, token, a.nextHeartbeat(), rfc3339(lease.Until),
		playbackAddresses{base + "/master.m3u8", base + "/manifest.mpd"}, streams{a.config.StreamLimit, used},
	})
}

type heartbeatAnswer struct {
	HeartbeatS int64  `json:"heartbeat_s"`
	ExpiresAt  string `json:"expires_at"`
	Token      string `json:"token,omitempty"`
}

func (a *API) heartbeat(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	claims, ok := a.claims(w, bearer(r), now)
	if !ok {
		return
	}
	if claims.Sid != r.PathValue("session") {
		refuse(w, http.StatusUnauthorized, "bad-token", "The token is another session's.")
		return
	}
	due := claims.Until-now.Unix() <= a.config.LeaseS/2
	lease := Lease{
		Session: claims.Sid, Account: claims.Acc, Event: claims.Ev, Device: claims.Dev,
		Kind: claims.Kind, Since: time.Unix(claims.Since, 0),
		Until: now.Add(time.Duration(a.config.LeaseS) * time.Second),
	}
	code, err := a.sessions.Beat(r.Context(), lease, due, now)
	switch {
	case err != nil:
		fail(w, err)
	case code != "":
		refuse(w, http.StatusGone, code, "The session has ended.")
	case !due:
		answer(w, http.StatusOK, heartbeatAnswer{
			HeartbeatS: a.nextHeartbeat(), ExpiresAt: rfc3339(time.Unix(claims.Until, 0)),
		})
	default:
		a.renewed(w, lease, claims.Limit, now)
	}
}

func (a *API) renewed(w http.ResponseWriter, lease Lease, limit int, now time.Time) {
	token, err := a.playbackToken(lease, limit, now)
	if err != nil {
		fail(w, err)
		return
	}
	a.events.Renewed(lease.Session)
	answer(w, http.StatusOK, heartbeatAnswer{a.nextHeartbeat(), rfc3339(lease.Until), token})
}

// nextHeartbeat is up to some percent early, and rounded up or down by chance.
func (a *API) nextHeartbeat() int64 {
	early := float64(a.config.HeartbeatS) * (1 - a.config.HeartbeatEarly/100*rand.Float64())
	return max(1, int64(early+rand.Float64()))
}

func (a *API) end(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	claims, ok := a.claims(w, bearer(r), now)
	if !ok {
		return
	}
	if claims.Sid != r.PathValue("session") {
		refuse(w, http.StatusUnauthorized, "bad-token", "The token is another session's.")
		return
	}
	if err := a.sessions.End(r.Context(), claims.Acc, claims.Sid); err != nil {
		fail(w, err)
		return
	}
	a.events.Tell(SessionEvent{
		ID: newID("evt"), Type: "session.ended", At: epoch(now), Session: claims.Sid, Event: claims.Ev,
	})
	w.WriteHeader(http.StatusNoContent)
}

func (a *API) playlist(w http.ResponseWriter, r *http.Request) {
	now, token := time.Now(), r.PathValue("token")
	session, ok := a.session(w, r, token, now)
	if !ok {
		return
	}
	text, err := a.playlists.Write(session.Sid, token, now)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Header().Set("Cache-Control", "no-store")
	send(w, http.StatusOK, []byte(text))
}

// session returns the claims of a session that may be watched, or answers the refusal.
func (a *API) session(w http.ResponseWriter, r *http.Request, token string, now time.Time) (PlaybackClaims, bool) {
	claims, ok := a.claims(w, token, now)
	if !ok {
		return claims, false
	}
	code, err := a.sessions.Revoked(r.Context(), claims.Acc, claims.Sid)
	if err != nil {
		fail(w, err)
		return claims, false
	}
	if code != "" {
		refuse(w, http.StatusGone, code, "The session has ended.")
		return claims, false
	}
	return claims, true
}

// claims returns those of a playback token in force, or answers the refusal.
func (a *API) claims(w http.ResponseWriter, token string, now time.Time) (PlaybackClaims, bool) {
	claims, err := a.playback.Verify(token, now)
	if err != nil {
		refuse(w, http.StatusUnauthorized, "bad-token", err.Error())
		return claims, false
	}
	return claims, true
}

func (a *API) playbackToken(lease Lease, limit int, now time.Time) (string, error) {
	return a.playback.Sign(PlaybackClaims{
		Validity: Validity{"playback", now.Unix(), now.Unix() + a.config.TokenTTLS},
		Sid:      lease.Session, Acc: lease.Account, Ev: lease.Event, Dev: lease.Device, Kind: lease.Kind,
		Since: lease.Since.Unix(), Until: lease.Until.Unix(), Limit: limit,
	})
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func read(w http.ResponseWriter, r *http.Request, body any) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		refuse(w, http.StatusUnsupportedMediaType, "unsupported-media-type", "Send the body as application/json.")
		return false
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(body); err != nil {
		refuse(w, http.StatusBadRequest, "bad-request", err.Error())
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	send(w, status, raw)
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	raw, err := json.Marshal(map[string]any{
		"type": "urn:tifo:problem:" + code, "title": http.StatusText(status),
		"status": status, "code": code, "detail": detail,
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	send(w, status, raw)
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		log.Print("answer: ", err)
	}
}

func fail(w http.ResponseWriter, err error) {
	log.Print("failed: ", err)
	http.Error(w, "internal", http.StatusInternalServerError)
}

func newID(prefix string) string {
	var random [20]byte
	crypto.Read(random[:])
	for i, b := range random {
		random[i] = idAlphabet[int(b)%len(idAlphabet)]
	}
	return prefix + "_" + string(random[:])
}

func rfc3339(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

func epoch(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }
