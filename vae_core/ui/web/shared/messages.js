// What goes over the sockets, in both directions: types for the editor and the type checker, nothing that is run.
// Written by `python -m vae_core.ui.server.messages_js` from messages.py, replies.py and room_replies.py in ui/server.
// A binary message is given as frame_decoding.js unpacks it: halves are floats, `shapes` holds the shape of each array.

export {};

/**
 * @typedef {Object} AckCommand A binary message was taken: the next one may come.
 * @property {"ack"} do
 */

/**
 * @typedef {Object} PingCommand Whether the server is there.
 * @property {"ping"} do
 */

/**
 * @typedef {Object} FrameCommand The recorded frame at a step, or the last one before it.
 * @property {"frame"} do
 * @property {number} step
 */

/**
 * @typedef {Object} FollowCommand Whether to be sent what is new, or to look at the past.
 * @property {"follow"} do
 * @property {boolean} value
 */

/**
 * @typedef {Object} PlayCommand Train until paused.
 * @property {"play"} do
 */

/**
 * @typedef {Object} PauseCommand Stop.
 * @property {"pause"} do
 */

/**
 * @typedef {Object} StepCommand Train some steps and pause.
 * @property {"step"} do
 * @property {number} [steps]
 */

/**
 * @typedef {Object} EpochCommand Train for one pass over the training images and pause.
 * @property {"epoch"} do
 */

/**
 * @typedef {Object} ResetCommand Start again.
 * @property {"reset"} do
 */

/**
 * @typedef {Object} SpeedCommand Steps a second; 0 is as fast as possible.
 * @property {"speed"} do
 * @property {number} value
 */

/**
 * @typedef {Object} LookCommand Choose the input image, by its index among the points.
 * @property {"look"} do
 * @property {number} index
 */

/**
 * @typedef {Object} SwitchCommand Change rule, noise or knobs from the next step on; in a comparison, of one column or of all.
 * @property {"switch"} do
 * @property {string} [rule]
 * @property {number} [noise]
 * @property {Object<string, boolean | number | string>} [knobs]
 * @property {number} [column]
 */

/**
 * @typedef {Object} ForkCommand A run of one's own from a recorded frame on, with changes.
 * @property {"fork"} do
 * @property {string} [rule]
 * @property {number} [noise]
 * @property {Object<string, boolean | number | string>} [knobs]
 * @property {number} step
 */

/**
 * @typedef {Object} DecoderCommand The decoder at a recorded step.
 * @property {"decoder"} do
 * @property {number} step
 */

/**
 * @typedef {Object} ShareCommand Open a room; with the admin token, where the server asks for it. root: where the browser has the app.
 * @property {"share"} do
 * @property {string} [admin]
 * @property {string} [root]
 */

/**
 * @typedef {Object} PresentCommand Come back to a room by its token; fresh: from a page that was just loaded.
 * @property {"present"} do
 * @property {string} token
 * @property {boolean} [fresh]
 * @property {string} [root]
 */

/**
 * @typedef {Object} UnshareCommand Close the room.
 * @property {"unshare"} do
 */

/**
 * @typedef {Object} AskCommand Put a question to the class: of a lesson, by its name, or one's own.
 * @property {"ask"} do
 * @property {string[]} options
 * @property {string} [question]
 * @property {string} [lesson]
 */

/**
 * @typedef {Object} StopPollCommand No more votes count; the result is shown to all, or not.
 * @property {"stop_poll"} do
 * @property {boolean} show
 */

/**
 * @typedef {Object} ClearPollCommand Take the question away.
 * @property {"clear_poll"} do
 */

/**
 * @typedef {Object} VoteCommand Answer a poll, or change the answer.
 * @property {"vote"} do
 * @property {string} poll
 * @property {number} option
 */

/**
 * @typedef {Object} SteerCommand What only the presenter may do.
 * @property {"play" | "pause" | "step" | "epoch" | "reset" | "speed" | "switch" | "look" | "fork"} do
 */

/**
 * @typedef {Object} Choice A value of a knob that is chosen from a list.
 * @property {string} value
 * @property {string} title
 */

/**
 * @typedef {Object} Knob A declared knob as a widget sees it. `when` names the values of another knob with which this one counts; `min` and `max` are None where there is no end.
 * @property {string} name
 * @property {string} symbol
 * @property {string} title
 * @property {string} help
 * @property {"choice" | "bool" | "int" | "float" | "text"} kind
 * @property {boolean | number | string} default
 * @property {number | null} min
 * @property {number | null} max
 * @property {number} step
 * @property {"linear" | "log"} scale
 * @property {Object<string, (boolean | number | string)[]>} when
 * @property {Choice[]} choices
 */

/**
 * @typedef {Object} Rule A rule as the page sees it: the lines of its class, formulas also as MathML, and its source, which who watches a room does not get.
 * @property {string} name
 * @property {string} title
 * @property {string} question
 * @property {string} formula
 * @property {string} mathml
 * @property {string} charged
 * @property {string} why
 * @property {string} undefined
 * @property {string} source
 * @property {boolean} noisy
 * @property {string} noise_off
 * @property {Object<string, (boolean | number | string)[]>} noise_when
 * @property {boolean} has_posterior
 * @property {Knob[]} knobs
 * @property {string} [code]
 */

/**
 * @typedef {Object} Data A data set; banner: what stands in for it, if it is not there.
 * @property {string} title
 * @property {string} source
 * @property {string | null} banner
 */

/**
 * @typedef {Object} Mark A change on the way: a slider's journey from `step` to `last` is one.
 * @property {number} step
 * @property {number} last
 * @property {string} label
 * @property {string} kind
 */

/**
 * @typedef {Object} Note A sentence on the screen.
 * @property {"info" | "warning" | "error"} level
 * @property {string} text
 */

/**
 * @typedef {Object} Measured Exact log p(x) at the steps at which it was measured.
 * @property {number[]} steps
 * @property {number[]} log_marginal
 */

/**
 * @typedef {Object} Columns Metrics at each of the steps.
 * @property {number[]} steps
 * @property {Object<string, (number | null)[]>} metrics
 */

/**
 * @typedef {Object} Pong The server is there.
 * @property {"pong"} type
 */

/**
 * @typedef {Object} Refused Something that was asked for cannot be, in one sentence.
 * @property {"refused"} type
 * @property {string} text
 */

/**
 * @typedef {Object} Gone The run or comparison is not here any more.
 * @property {"gone"} type
 */

/**
 * @typedef {Object} Opened The run of a page's link, where it is from now on.
 * @property {"opened"} type
 * @property {string} socket
 * @property {string} images
 */

/**
 * @typedef {Object} Moved The browser goes on at another run.
 * @property {"moved"} type
 * @property {string} socket
 * @property {string} images
 */

/**
 * @typedef {Object} Hello What is fixed for a run.
 * @property {"hello"} type
 * @property {Rule[]} rules
 * @property {Object<string, *>} recipe
 * @property {Data} dataset
 * @property {string[]} classes
 * @property {number} points
 * @property {number[]} encoder
 * @property {number} steps_per_epoch
 * @property {string} activation
 * @property {string} device
 */

/**
 * @typedef {Object} History A run's past.
 * @property {number[]} steps
 * @property {Object<string, (number | null)[]>} metrics
 * @property {"history"} type
 * @property {number[]} kept
 * @property {Mark[]} events
 * @property {Measured} measured
 */

/**
 * @typedef {Object} Crowd How many runs share how many workers, if they have to.
 * @property {number} runs
 * @property {number} workers
 */

/**
 * @typedef {Object} RunState How a run is; recorded: the step up to which frames are there already.
 * @property {boolean} playing
 * @property {number} speed
 * @property {number} step
 * @property {number} epoch
 * @property {number} seconds
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {Mark[]} events
 * @property {number[]} kept
 * @property {"training" | "paused" | "diverged"} status
 * @property {number | null} recorded
 */

/**
 * @typedef {Object} State What the controls of a run show.
 * @property {boolean} playing
 * @property {number} speed
 * @property {number} step
 * @property {number} epoch
 * @property {number} seconds
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {Mark[]} events
 * @property {number[]} kept
 * @property {"training" | "paused" | "diverged"} status
 * @property {number | null} recorded
 * @property {"state"} type
 * @property {string} link
 * @property {Note | null} message
 * @property {Crowd | null} crowd
 */

/**
 * @typedef {Object} Recorded The frame that comes next is of the past.
 * @property {"recorded"} type
 * @property {number} step
 */

/**
 * @typedef {Object} Contestant What is fixed for one run of a comparison.
 * @property {string[]} classes
 * @property {Object<string, *>} recipe
 */

/**
 * @typedef {Object} ComparisonHello What is fixed for a comparison.
 * @property {"hello"} type
 * @property {Rule[]} rules
 * @property {string} question
 * @property {Contestant[]} columns
 * @property {string} images
 */

/**
 * @typedef {Object} ComparisonHistory The past of all columns.
 * @property {"history"} type
 * @property {Columns[]} columns
 */

/**
 * @typedef {Object} ColumnState What one column shows beside its picture.
 * @property {string} title
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {number} step
 * @property {"training" | "paused" | "diverged"} status
 * @property {Note | null} message
 * @property {Mark[]} events
 */

/**
 * @typedef {Object} ComparisonState What the controls of a comparison show.
 * @property {"state"} type
 * @property {boolean} playing
 * @property {number} speed
 * @property {number} step
 * @property {number} seconds
 * @property {"training" | "paused"} status
 * @property {number[]} kept
 * @property {string} link
 * @property {Note | null} message
 * @property {ColumnState[]} columns
 */

/**
 * @typedef {Object} Round Of which columns the frames are that come next; past: recorded ones.
 * @property {"round"} type
 * @property {number[]} columns
 * @property {boolean} past
 */

/**
 * @typedef {Object} Probe The classes of the points.
 * @property {"probe"} kind
 * @property {Uint8Array} labels
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} Images The images of the points.
 * @property {"images"} kind
 * @property {Uint8Array} images
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} FrameHeader A frame without its arrays, see `vae_core.run.frame.Frame`.
 * @property {"frame"} kind
 * @property {number} step
 * @property {number} epoch
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {Object<string, number | null>} metrics
 * @property {string} activation
 * @property {Object<string, number[]>} facts
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} Frame A run at one step, see `vae_core.run.frame.Frame`; chosen is the last of the strip.
 * @property {"frame"} kind
 * @property {number} step
 * @property {number} epoch
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {Object<string, number | null>} metrics
 * @property {string} activation
 * @property {Object<string, number[]>} facts
 * @property {number} chosen
 * @property {number[]} strip
 * @property {Float32Array} mean
 * @property {Float32Array} z
 * @property {Float32Array} [scale]
 * @property {Float32Array} [correlation]
 * @property {Float32Array} repeats
 * @property {Float32Array} prior_z
 * @property {Uint8Array} strip_at_mean
 * @property {Uint8Array} strip_at_draw
 * @property {Uint8Array} uncertainty
 * @property {Uint8Array} prior
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} Preview Where the points first, first + by, … have gone since the newest frame.
 * @property {"glimpse"} kind
 * @property {number} step
 * @property {number} first
 * @property {number} by
 * @property {Float32Array} mean
 * @property {Float32Array} z
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} Exact Exact measures, see `vae_core.engine.live_measures.combined`; of those that failed only the first four.
 * @property {"exact"} kind
 * @property {number} step
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {true} [failed]
 * @property {string} [prior]
 * @property {number} [together]
 * @property {number} [index]
 * @property {boolean} [fine]
 * @property {number} [of]
 * @property {number} [images]
 * @property {number | null} [mutual_information]
 * @property {number | null} [aggregate_kl]
 * @property {number | null} [kl]
 * @property {number | null} [together_error]
 * @property {number} [unresolved]
 * @property {number} [log_marginal]
 * @property {number} [log_marginal_error]
 * @property {number} [error]
 * @property {number | null} [elbo]
 * @property {number | null} [gap]
 * @property {number | null} [gap_error]
 * @property {Float32Array} [low]
 * @property {Float32Array} [high]
 * @property {Uint8Array} [posterior]
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} Decoder A frame's decoder; w0, b0, w1, … are its arrays.
 * @property {"decoder"} kind
 * @property {number} step
 * @property {string} activation
 * @property {number} layers
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} Poll A question to all who watch; html: it is HTML, which no user wrote. Counts where they are to be seen.
 * @property {string} id
 * @property {string} text
 * @property {boolean} html
 * @property {string[]} options
 * @property {boolean} open
 * @property {boolean} shown
 * @property {number[] | null} counts
 */

/**
 * @typedef {Object} Question A lesson's question that can be put to the class.
 * @property {string} name
 * @property {string} title
 */

/**
 * @typedef {Object} RoomOpened What stays as it is while a room is open; qr: the link as SVG.
 * @property {"room"} type
 * @property {string} code
 * @property {string} token
 * @property {string} link
 * @property {string} note
 * @property {string} qr
 * @property {Question[]} questions
 */

/**
 * @typedef {Object} RoomAsks A room is opened with the admin token only.
 * @property {"room"} type
 * @property {string} asks
 */

/**
 * @typedef {Object} RoomGone The room is closed, or was never there.
 * @property {"room"} type
 * @property {true} gone
 */

/**
 * @typedef {Object} Class How many watch, and how they vote.
 * @property {"class"} type
 * @property {number} watching
 * @property {Poll | null} poll
 */

/**
 * @typedef {Object} Voted The answer that counts.
 * @property {"voted"} type
 * @property {string} poll
 * @property {number} option
 */

/**
 * @typedef {Object} Ended The room is closed, or cannot be entered; again: it may be tried once more.
 * @property {"ended"} type
 * @property {string} text
 * @property {boolean} [again]
 */

/**
 * @typedef {Object} Packed A message compressed with zlib, and what is told of it outside; at: when a frame came, in seconds since 1970; weights: the step whose decoder is on offer.
 * @property {"packed"} kind
 * @property {Uint8Array} body
 * @property {number} [step]
 * @property {number} [at]
 * @property {number} [seconds]
 * @property {number} [weights]
 * @property {true} [recorded]
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} RoomHello What is fixed for the run on show; take: how many were shown, this one with them.
 * @property {"hello"} kind
 * @property {number} take
 * @property {Rule[]} rules
 * @property {Object<string, *>} recipe
 * @property {string[]} classes
 * @property {number[]} encoder
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} RoomProbe The classes of the points, and the images of the strip, which are the first of them.
 * @property {"probe"} kind
 * @property {Uint8Array} labels
 * @property {Uint8Array} strip_images
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} RoomHistory Metrics, one row for each name, at the steps; exact log p(x) likewise.
 * @property {"history"} kind
 * @property {string[]} names
 * @property {Int32Array} steps
 * @property {Float32Array} values
 * @property {Int32Array} measured_steps
 * @property {Float32Array} measured
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} RoomState The run's state, of which the presenter alone sees the rest.
 * @property {boolean} playing
 * @property {number} speed
 * @property {number} step
 * @property {number} epoch
 * @property {number} seconds
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {Mark[]} events
 * @property {number[]} kept
 * @property {"training" | "paused" | "diverged"} status
 * @property {number | null} recorded
 * @property {"state"} kind
 * @property {number} watching
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} PollShown The question that is put, or none.
 * @property {"poll"} kind
 * @property {Poll | null} poll
 * @property {Object<string, number[]>} shapes
 */

/**
 * @typedef {Object} RoomFrame A frame of fewer points, see `vae_core.ui.server.compact.Lens.frame`.
 * @property {"frame"} kind
 * @property {number} step
 * @property {number} epoch
 * @property {string} rule
 * @property {number} noise
 * @property {Object<string, boolean | number | string>} knobs
 * @property {Object<string, number | null>} metrics
 * @property {string} activation
 * @property {Object<string, number[]>} facts
 * @property {number} number
 * @property {number} label
 * @property {number[]} low
 * @property {number[]} high
 * @property {Uint16Array} mean
 * @property {Uint16Array} z
 * @property {Float32Array} [scale]
 * @property {Float32Array} [correlation]
 * @property {Uint16Array} repeats
 * @property {Uint16Array} prior_z
 * @property {Uint8Array} strip_at_mean
 * @property {Uint8Array} strip_at_draw
 * @property {Uint8Array} uncertainty
 * @property {Uint8Array} prior
 * @property {Uint8Array} input
 * @property {Object<string, number[]>} shapes
 */

/** @typedef {AckCommand | PingCommand | FrameCommand | FollowCommand | DecoderCommand | PlayCommand | PauseCommand | StepCommand | EpochCommand | ResetCommand | SpeedCommand | SwitchCommand | LookCommand | ForkCommand | ShareCommand | PresentCommand | UnshareCommand | AskCommand | StopPollCommand | ClearPollCommand} RunCommand */

/** @typedef {AckCommand | PingCommand | FrameCommand | FollowCommand | PlayCommand | PauseCommand | StepCommand | ResetCommand | SpeedCommand | SwitchCommand | LookCommand} ComparisonCommand */

/** @typedef {AckCommand | PingCommand | FrameCommand | FollowCommand | VoteCommand | SteerCommand} RoomCommand */

/** @typedef {Pong | Refused | Gone | Opened | Moved | Hello | History | State | Recorded | Probe | Frame | Preview | Exact | Decoder | RoomOpened | RoomAsks | RoomGone | Class} RunReply */

/** @typedef {Pong | Refused | Gone | ComparisonHello | ComparisonHistory | ComparisonState | Round | Probe | Frame} ComparisonReply */

/** @typedef {Pong | Refused | Ended | Voted | Packed} RoomReply */

/** @typedef {RoomHello | RoomProbe | RoomHistory | RoomState | PollShown | RoomFrame | Exact | Images | Decoder} RoomInside */
