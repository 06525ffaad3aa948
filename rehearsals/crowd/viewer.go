package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// The watch page's own numbers, as in rehearsals/k6/viewer.ts.
const (
	earlyShare     = 0.1
	retryS         = 1.0
	enterTriesMax  = 30
	enterS         = 1.0
	enterSMax      = 15.0
	retryAfterSMax = 300.0
	decideS        = 2.0
)

// player is what a scenario plays with a session: each load of the page begins a new one, which asks whenever
// it is due.
type player interface {
	// begin is done when the playlist is there.
	begin(at playback)
	// dueS is the moment of the next question; infinity for none.
	dueS() float64
	// ask asks it; it could not be begun before `due`.
	ask(due float64)
}

// scenarios has each one's player by its name in the plan.
var scenarios = map[string]func(*viewer) player{
	"ads": newAdsPlayer, "sessions": newWatchPage, "video": newVideoPlayer,
}

type world struct {
	plan     *Plan
	plays    func(*viewer) player
	client   *client
	clients  *clients
	figures  *figures
	began    time.Time
	watching sync.WaitGroup
}

func (w *world) now() float64 { return time.Since(w.began).Seconds() }

// full says whether so many requests wait that nothing new is begun.
func (w *world) full() bool { return w.client.open.Load() >= w.plan.OpenRequestsMax }

func (w *world) sleepUntil(at float64) { time.Sleep(seconds(at - w.now())) }

// late notes how much later than its moment something is begun.
func (w *world) late(due float64) {
	w.figures.took("late_ms", seconds(w.now()-due))
}

// viewer is one person at the watch page; one goroutine holds them from log-in until they leave.
type viewer struct {
	*world
	number   int
	account  string
	access   string
	session  string
	token    string
	playing  player
	leavesAt float64
	entered  bool
	out      bool
}

type started struct {
	Session    string   `json:"session"`
	Token      string   `json:"token"`
	HeartbeatS float64  `json:"heartbeat_s"`
	Playback   playback `json:"playback"`
}

// playback is where a session's playlists are.
type playback struct {
	HLS  string `json:"hls"`
	DASH string `json:"dash"`
}

type renewed struct {
	HeartbeatS float64 `json:"heartbeat_s"`
	Token      string  `json:"token"`
}

func (v *viewer) watch() {
	defer v.watching.Done()
	reloads := v.reloads()
	heartbeatS := v.load()
	for v.entered && !v.out {
		next := v.leavesAt
		if len(reloads) > 0 && reloads[0] < next {
			next = reloads[0]
		}
		v.stay(next, heartbeatS)
		if v.out || v.now() >= v.leavesAt || len(reloads) == 0 {
			break
		}
		reloads = reloads[1:]
		v.figures.count("reloads")
		heartbeatS = v.load()
	}
	if v.entered && !v.out {
		v.sleepUntil(v.leavesAt)
		v.leave()
	}
}

func (v *viewer) reloads() []float64 {
	var at []float64
	for _, goal := range v.plan.Goals {
		if when := goal.AtS + rand.Float64()*goal.WithinS; rand.Float64() < goal.ReloadShare && when > v.now() {
			at = append(at, when)
		}
	}
	return at
}

// load is the page from its first request to the playlist; the answer is the seconds between heartbeats.
func (v *viewer) load() float64 {
	began := time.Now()
	if !v.plan.leavesOut("calendar") {
		go v.call("GET", "/v1/events/"+v.plan.Event, "", "")
	}
	if v.plan.leavesOut("sessions") {
		v.token = v.access
		folder := "/v1/playback/" + v.token
		v.play(playback{folder + "/master.m3u8", folder + "/manifest.mpd"}, began)
		return math.Inf(1)
	}
	takeover := ""
	for tries := 0; v.now() < v.leavesAt; tries++ {
		v.figures.count("starts")
		got := v.start(takeover)
		takeover = ""
		if got.status == 201 {
			return v.enter(got, began)
		}
		waitS := 0.0
		if takeover = takeoverOf(got); takeover != "" && tries < enterTriesMax {
			v.figures.count("takeovers")
			waitS = decideS
		} else {
			v.figures.count("starts_failed")
			if waitS = v.comeBackS(got, tries); waitS < 0 {
				return 0
			}
		}
		time.Sleep(seconds(math.Min(waitS, v.leavesAt-v.now())))
	}
	return 0
}

func (v *viewer) start(takeover string) answer {
	if v.access == "" && v.plan.Login {
		got := v.call("POST", "/v1/dev/login", "", fmt.Sprintf(`{"account":%q}`, v.account))
		var said struct {
			AccessToken string `json:"access_token"`
		}
		if got.status != 200 || !v.read(got, &said) {
			return got
		}
		v.access = said.AccessToken
	}
	body := fmt.Sprintf(`{"event":%q,"device":{"id":%q,"kind":"web"}%s}`, v.plan.Event, v.account, takeover)
	got := v.call("POST", "/v1/sessions", v.access, body)
	v.figures.took("start_ms", got.took)
	if got.status == 401 {
		v.access = ""
	}
	return got
}

// takeoverOf is the part of a start's body that ends the first session of a refusal's list.
func takeoverOf(got answer) string {
	var said struct {
		Takeover string `json:"takeover"`
		Sessions []struct {
			ID string `json:"id"`
		} `json:"sessions"`
	}
	if got.status != 409 || json.Unmarshal(got.body, &said) != nil || said.Takeover == "" || len(said.Sessions) == 0 {
		return ""
	}
	return fmt.Sprintf(`,"takeover":%q,"end":%q`, said.Takeover, said.Sessions[0].ID)
}

// comeBackS is negative where only a person can decide.
func (v *viewer) comeBackS(got answer, tries int) float64 {
	switch asked := retryAfterS(got); {
	case tries >= enterTriesMax:
		return -1
	case got.status == 0:
		return backoffS(tries, enterS, enterSMax)
	case asked > 0:
		return asked + rand.Float64()
	case got.status == 401 && tries == 0:
		return enterS
	}
	return -1
}

func (v *viewer) enter(got answer, began time.Time) float64 {
	var said started
	if !v.read(got, &said) {
		return 0
	}
	v.session, v.token = said.Session, said.Token
	v.play(said.Playback, began)
	return said.HeartbeatS
}

func (v *viewer) play(at playback, began time.Time) {
	if !v.entered {
		v.figures.count("entered")
	}
	v.entered, v.playing = true, v.plays(v)
	v.playing.begin(at)
	v.figures.took("arrival_ms", time.Since(began))
}

// stay beats and plays, each when it is due, until `until` or until the platform throws the viewer out.
func (v *viewer) stay(until, heartbeatS float64) {
	failures := 0
	beat := v.now() + periodS(heartbeatS)
	for !v.out {
		ask := v.playing.dueS()
		next := math.Min(math.Min(beat, ask), until)
		// What became due while an answer was waited for is the platform's delay, not this generator's.
		free := v.now()
		v.sleepUntil(next)
		switch next {
		case until:
			return
		case ask:
			due := math.Max(ask, free)
			v.late(due)
			v.playing.ask(due)
		default:
			v.late(math.Max(beat, free))
			var waitS float64
			heartbeatS, failures, waitS = v.beat(heartbeatS, failures)
			beat = v.now() + waitS
		}
	}
}

func (v *viewer) beat(heartbeatS float64, failures int) (float64, int, float64) {
	got := v.call("POST", "/v1/sessions/"+v.session+"/heartbeat", v.token, "")
	v.figures.count("heartbeats")
	v.figures.took("heartbeat_ms", got.took)
	var said renewed
	if got.status == 200 && v.read(got, &said) {
		if said.Token != "" {
			v.token = said.Token
			v.figures.count("renewals")
		}
		return said.HeartbeatS, 0, periodS(said.HeartbeatS)
	}
	v.figures.count("heartbeats_lost")
	if got.status == 401 || got.status == 410 {
		v.figures.count("wrongly_ended")
		v.out = true
	}
	return heartbeatS, failures + 1, math.Max(backoffS(failures, retryS, heartbeatS), retryAfterS(got))
}

func (v *viewer) leave() {
	if v.session == "" {
		return
	}
	if rand.Float64() < v.plan.SilentShare {
		v.figures.count("silent")
		return
	}
	v.figures.count("ended")
	v.call("DELETE", "/v1/sessions/"+v.session, v.token, "")
}

func periodS(heartbeatS float64) float64 { return heartbeatS * (1 - earlyShare*rand.Float64()) }

func backoffS(attempt int, base, most float64) float64 {
	ceiling := math.Min(most, base*math.Exp2(math.Min(float64(attempt), 30)))
	return ceiling/2 + rand.Float64()*ceiling/2
}

func retryAfterS(got answer) float64 {
	asked, err := strconv.ParseFloat(got.retryAfter, 64)
	if err != nil || asked < 0 {
		return 0
	}
	return math.Min(asked, retryAfterSMax)
}
